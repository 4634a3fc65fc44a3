INSERT INTO sessions (id, title, folder, started_at, ended_at, state)
VALUES ('v1-done', 'Anna & Ben', '/films/anna', 1000, 9000, 'finished'),
       ('v1-cut', 'Cleo & Dan', '/films/cleo', 2000, NULL, 'recording');

INSERT INTO files (session_id, path, kind, source, duration, frames, bytes, state)
VALUES ('v1-done', 'program.mp4', 'program', NULL, 8.0, 240, 4000000, 'complete'),
       ('v1-cut', 'aisle.mp4', 'iso', 'aisle', NULL, NULL, NULL, 'writing');
