puts ARGV.size
