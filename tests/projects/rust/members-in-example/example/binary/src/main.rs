fn main() {
    library::hello();
}
