void main() async {
  final port = int.parse(Platform.environment['PORT'] ?? '8081');
}
