package com.acme

fun main() {
    val token = System.getenv("API_TOKEN") ?: error("no token")
    val region = System.getenv("REGION") ?: "eu"
    embeddedServer(Netty, port = 8070, host = "0.0.0.0") { routing { get("/healthz") { call.respond(token) } } }.start(wait = true)
}
