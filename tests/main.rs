//! All integration tests, one module a file.
