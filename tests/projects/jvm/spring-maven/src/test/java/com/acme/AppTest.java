class AppTest { String s = System.getenv("TEST_X"); }
