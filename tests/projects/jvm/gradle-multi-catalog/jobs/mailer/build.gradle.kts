plugins {
    application
}

application {
    mainClass = "com.acme.Mailer"
}

dependencies {
    implementation("com.rabbitmq:amqp-client:5.20.0")
}
