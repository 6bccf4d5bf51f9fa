fn main() { println!("ledger"); }
