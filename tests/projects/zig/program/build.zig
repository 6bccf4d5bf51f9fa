const std = @import("std");
pub fn build(b: *std.Build) void {
    const exe = b.addExecutable(.{ .name = "wc", .root_source_file = b.path("src/main.zig") });
    exe.linkSystemLibrary("sqlite3");
    b.installArtifact(exe);
}
