dependencies {
    runtimeOnly(libs.postgres.driver)
}
