run lambda { |env|
  words = env["PATH_INFO"] == "/healthz" ? "ok" : "greeting one"
  [200, { "Content-Type" => "text/plain" }, [words]]
}
