fn main() {
    domain::cache();
}
