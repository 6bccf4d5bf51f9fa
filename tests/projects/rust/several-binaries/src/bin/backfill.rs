fn main() {
    feed::answer();
}
