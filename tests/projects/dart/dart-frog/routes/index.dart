import 'package:dart_frog/dart_frog.dart';
