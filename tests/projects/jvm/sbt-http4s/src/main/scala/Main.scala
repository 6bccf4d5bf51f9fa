object Main extends IOApp.Simple {
  val key = sys.env.getOrElse("API_KEY", "none")
}
