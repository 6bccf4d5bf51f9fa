pub fn cache() -> String {
    std::env::var("REDIS_URL").unwrap()
}
