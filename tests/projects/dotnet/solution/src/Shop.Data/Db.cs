class Db { string s = Environment.GetEnvironmentVariable("SHOP_DB"); }
