fn port() -> u16 { 1 }
