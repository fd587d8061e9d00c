//! The suites are in `contract/` (ports, on every engine) and `http/` (the API, over real HTTP).
