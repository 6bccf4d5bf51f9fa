main = do
  url <- getEnv "DATABASE_URL"
  run 8081 app
