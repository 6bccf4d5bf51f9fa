fn main() { tonic_build::compile_protos("ledger.proto").unwrap(); }
