// swift-tools-version: 5.7
import PackageDescription
let package = Package(
  name: "count",
  targets: [.executableTarget(name: "count", path: "Sources")]
)
