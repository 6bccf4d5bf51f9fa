fn main() { yew::Renderer::<App>::new().render(); }
