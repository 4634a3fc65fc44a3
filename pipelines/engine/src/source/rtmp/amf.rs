//! Reading AMF0, the format of RTMP's commands, from somebody who may mean harm.

use rml_rtmp::rml_amf0::{self, Amf0Value};

/// The decoder calls itself for every value inside a value; more of them than this could overflow the stack.
const MAX_NESTED: usize = 256;

/// The values in `data`; `None` when they cannot be read or are nested too deep.
pub fn read(data: &[u8]) -> Option<Vec<Amf0Value>> {
    // Every level begins with one of these bytes. They also appear inside texts and numbers, but not that often.
    let levels = data.iter().filter(|byte| matches!(byte, 3 | 8 | 10)).count();
    if levels > MAX_NESTED {
        return None;
    }
    rml_amf0::deserialize(&mut &data[..]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_nesting_is_refused_instead_of_overflowing_the_stack() {
        let deep = [10, 0, 0, 0, 1].repeat(1_000_000);
        assert_eq!(read(&deep), None);
        assert_eq!(read(&[2, 0, 1, b'a']), Some(vec![Amf0Value::Utf8String("a".into())]));
    }
}
