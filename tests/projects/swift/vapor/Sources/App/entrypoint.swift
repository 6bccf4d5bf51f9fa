import Vapor
let host = Environment.get("DATABASE_HOST") ?? "localhost"
