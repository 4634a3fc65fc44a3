//! Compiles the migrations in anew when one is added; what they say is tracked by the macro itself.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
