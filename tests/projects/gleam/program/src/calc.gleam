pub fn main() {
  1
}
