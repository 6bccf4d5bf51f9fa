rootProject.name = "platform"
include("api", "core")
include(":jobs:mailer")
