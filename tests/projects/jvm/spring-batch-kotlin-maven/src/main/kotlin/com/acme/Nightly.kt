package com.acme

fun main(args: Array<String>) {
    runApplication<Nightly>(*args)
}
