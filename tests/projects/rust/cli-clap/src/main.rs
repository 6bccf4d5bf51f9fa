use clap::Parser;

#[derive(Parser)]
struct Args {
    #[arg(long, env = "LOGSHIP_TOKEN")]
    token: String,
    #[arg(long, env = "LOGSHIP_DIR", default_value = "/var/log")]
    dir: String,
    #[arg(long, env = "LOGSHIP_LABEL")]
    label: Option<String>,
}

fn main() {
    Args::parse();
}
