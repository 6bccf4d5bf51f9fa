plugins {
    java
    alias(libs.plugins.spring.boot) apply false
}

subprojects {
    apply(plugin = "java")
    java {
        toolchain {
            languageVersion = JavaLanguageVersion.of(21)
        }
    }
}
