pub fn main() !void {
    var server = try httpz.Server(void).init(gpa, .{ .port = 5882 }, {});
}
