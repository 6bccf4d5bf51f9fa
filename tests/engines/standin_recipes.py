"""What the stand-in images of standins.py are made of: layers, and images with their configuration as the
official ones have it. Versions in tags are those of the official image, contents those of Debian 12."""
import dataclasses

REGISTRY = "http://192.0.2.10:8000"  # registry.mjs, in the network namespace of the engines

SOURCES = """deb http://deb.debian.org/debian bookworm main
deb http://deb.debian.org/debian bookworm-updates main
deb http://deb.debian.org/debian-security bookworm-security main
"""

# What `apt-get install` finds in an image that is built from a stand-in.
OFFLINE = ("tini", "ca-certificates", "bash", "build-essential", "cmake", "ninja-build", "meson", "pkg-config",
           "ccache", "make", "curl", "git", "python3", "libpq-dev", "libpq5", "zlib1g-dev", "libssl-dev",
           "libyaml-dev", "unzip")


@dataclasses.dataclass(frozen=True)
class Layer:
    parent: str | None = None
    packages: tuple = ()
    npm: tuple = ()  # (package, directory) each
    files: dict = dataclasses.field(default_factory=dict)  # path: (mode, text)
    script: str = ""  # by sh, as root, in the tree
    # An image of busybox and these programs only, taken from what was installed on `built_on`.
    bare: tuple | None = None
    built_on: str = ""
    after: str = ""


@dataclasses.dataclass(frozen=True)
class Image:
    tags: tuple
    layer: str
    path: str = ""  # before the usual PATH
    env: tuple = ()
    config: dict = dataclasses.field(default_factory=dict)


NODE_ENTRYPOINT = """#!/bin/sh
set -e
if [ "${1#-}" != "${1}" ] || [ -z "$(command -v "${1}")" ] || { [ -f "${1}" ] && ! [ -x "${1}" ]; }; then
  set -- node "$@"
fi
exec "$@"
"""

MAVEN_SETTINGS = f"""<settings>
  <mirrors><mirror><id>test</id><mirrorOf>central</mirrorOf><url>{REGISTRY}/maven</url></mirror></mirrors>
</settings>
"""

EXEC_ENTRYPOINT = '#!/bin/sh\nset -e\nexec "$@"\n'

PHP_ENTRYPOINT = """#!/bin/sh
set -e
if [ "${1#-}" != "$1" ]; then
  set -- %s "$@"
fi
exec "$@"
"""

APACHE_FOREGROUND = """#!/bin/bash
set -e
: "${APACHE_CONFDIR:=/etc/apache2}"
: "${APACHE_ENVVARS:=$APACHE_CONFDIR/envvars}"
if test -f "$APACHE_ENVVARS"; then . "$APACHE_ENVVARS"; fi
: "${APACHE_RUN_DIR:=/var/run/apache2}"
: "${APACHE_PID_FILE:=$APACHE_RUN_DIR/apache2.pid}"
rm -f "$APACHE_PID_FILE"
for e in "${!APACHE_@}"; do
  if [[ "$e" == *_DIR ]] && [[ "${!e}" == /* ]]; then mkdir -p "${!e}"; fi
done
exec apache2 -DFOREGROUND "$@"
"""

APACHE_PHP = """<FilesMatch \\.php$>
\tSetHandler application/x-httpd-php
</FilesMatch>
DirectoryIndex disabled
DirectoryIndex index.php index.html
<Directory /var/www/>
\tOptions -Indexes
\tAllowOverride All
</Directory>
"""

APACHE_SETUP = r"""
sed -ri 's/^export ([^=]+)=(.*)$/: ${\1:=\2}\nexport \1/' /etc/apache2/envvars
for dir in /var/lock/apache2 /var/run/apache2 /var/log/apache2; do
  rm -rf "$dir"; mkdir -p "$dir"; chown www-data:www-data "$dir"; chmod 1777 "$dir"
done
rm -rf /var/www/html/*
chown www-data:www-data /var/www/html
chmod 1777 /var/www/html
ln -sfT /dev/stderr /var/log/apache2/error.log
ln -sfT /dev/stdout /var/log/apache2/access.log
ln -sfT /dev/stdout /var/log/apache2/other_vhosts_access.log
a2dismod -q mpm_event || true
a2enmod -q mpm_prefork
a2enconf -q docker-php
"""

# Debian's busybox breaks at `wget -T`, and knows no `nc -z`; those of the official images do.
BUSYBOX_FILES = {
    "/bin/wget": (0o755, """#!/bin/sh
limit=
count=$#
while [ "$count" -gt 0 ]; do
  if [ "$1" = -T ]; then limit=$2; shift 2; count=$((count - 2))
  else set -- "$@" "$1"; shift; count=$((count - 1)); fi
done
exec ${limit:+timeout "$limit"} busybox wget "$@"
"""),
    "/bin/nc": (0o755, """#!/bin/sh
if [ "$1" = -z ]; then shift; exec busybox nc -w 3 "$@" </dev/null >/dev/null; fi
exec busybox nc "$@"
"""),
}

# Of Debian's composer one file, as which it is copied from the official image.
COMPOSER = r"""
cat >/tmp/pack.php <<'END'
<?php
$phar = new Phar('/tmp/composer.phar', 0, 'composer.phar');
$files = new RecursiveDirectoryIterator('/usr/share/php', FilesystemIterator::FOLLOW_SYMLINKS | FilesystemIterator::SKIP_DOTS);
foreach (new RecursiveIteratorIterator($files) as $file) {
    $phar->addFile($file->getPathname(), 'share/php' . substr($file->getPathname(), strlen('/usr/share/php')));
}
$phar['bin/composer'] = preg_replace('/^#!.*\n/', '', file_get_contents('/usr/bin/composer'));
$phar->setStub("#!/usr/bin/env php\n<?php Phar::mapPhar('composer.phar'); require 'phar://composer.phar/bin/composer'; __HALT_COMPILER();");
END
php -d phar.readonly=0 /tmp/pack.php
mv /tmp/composer.phar /usr/bin/composer
chmod 755 /usr/bin/composer
"""

NGINX_CONF = """user nginx;
worker_processes auto;
error_log /dev/stderr notice;
pid /run/nginx.pid;
events { worker_connections 1024; }
http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  access_log /dev/stdout;
  sendfile on;
  keepalive_timeout 65;
  include /etc/nginx/conf.d/*.conf;
}
"""
NGINX_DEFAULT = """server {
  listen 80;
  location / { root /usr/share/nginx/html; index index.html; }
}
"""
NGINX_SETUP = """
mkdir -p /usr/share/nginx/html /var/log/nginx /var/lib/nginx /var/cache/nginx /run
echo nginx:x:101:101:nginx:/var/cache/nginx:/sbin/nologin >>/etc/passwd
echo nginx:x:101: >>/etc/group
echo welcome >/usr/share/nginx/html/index.html
chmod 755 /docker-entrypoint.sh
ln -s /bin/wget /usr/bin/wget
chown 101:101 /var/cache/nginx
"""

JAVA_HOME = "/opt/java/openjdk"
JAVA_LINK = "mkdir -p /opt/java; ln -sfT /usr/lib/jvm/java-17-openjdk-* /opt/java/openjdk"

LAYERS = {
    "debian": Layer(),
    "repository": Layer(parent="debian"),
    "node": Layer(
        parent="repository", packages=("nodejs", "libnode108"), npm=(("npm@10.8.2", "/usr/local/lib/node_modules/npm"),),
        files={"/usr/local/bin/docker-entrypoint.sh": (0o755, NODE_ENTRYPOINT)},
        script="""groupadd --gid 1000 node; useradd --uid 1000 --gid node --shell /bin/bash --create-home node
ln -s /usr/bin/node /usr/local/bin/node
ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx"""),
    "python": Layer(
        parent="repository", packages=("python3", "python3-pip", "python3-venv", "ca-certificates"),
        script="""rm -f /usr/lib/python3.11/EXTERNALLY-MANAGED
for name in python python3; do ln -s /usr/bin/python3 /usr/local/bin/$name; done
for name in pip pip3; do ln -s /usr/bin/pip3 /usr/local/bin/$name; done"""),
    "gcc": Layer(parent="repository", packages=("gcc", "libc6-dev", "make", "pkg-config", "ca-certificates")),
    "golang": Layer(
        parent="gcc", packages=("golang-1.19-go",),
        script="ln -s /usr/lib/go-1.19 /usr/local/go; mkdir -p /go/src /go/bin; chmod -R 1777 /go"),
    "rust": Layer(
        parent="gcc", packages=("rustc", "cargo"),
        script="""mkdir -p /usr/local/cargo/bin /usr/local/rustup
for name in cargo rustc; do ln -s /usr/bin/$name /usr/local/cargo/bin/$name; done"""),
    "jre": Layer(
        parent="repository", packages=("openjdk-17-jre-headless", "ca-certificates"),
        files={"/__cacert_entrypoint.sh": (0o755, EXEC_ENTRYPOINT)}, script=JAVA_LINK),
    "maven": Layer(
        parent="jre", packages=("openjdk-17-jdk-headless", "maven"),
        files={"/usr/local/bin/mvn-entrypoint.sh": (0o755, EXEC_ENTRYPOINT),
               "/etc/maven/settings.xml": (0o644, MAVEN_SETTINGS)}),
    "ruby": Layer(
        parent="repository", packages=("ruby", "ruby-bundler", "ca-certificates"),
        script="mkdir -p /usr/local/bundle; chmod 1777 /usr/local/bundle"),
    "php-cli": Layer(
        parent="repository", packages=("php8.2-cli", "php8.2-mbstring", "php8.2-curl", "php8.2-xml", "ca-certificates"),
        files={"/usr/local/bin/docker-php-entrypoint": (0o755, PHP_ENTRYPOINT % "php")},
        script="ln -s /usr/bin/php8.2 /usr/local/bin/php"),
    "composer": Layer(parent="php-cli", packages=("composer",), script=COMPOSER),
    "php-apache": Layer(
        parent="php-cli", packages=("apache2", "libapache2-mod-php8.2"),
        files={"/usr/local/bin/docker-php-entrypoint": (0o755, PHP_ENTRYPOINT % "apache2-foreground"),
               "/usr/local/bin/apache2-foreground": (0o755, APACHE_FOREGROUND),
               "/etc/apache2/conf-available/docker-php.conf": (0o644, APACHE_PHP)},
        script=APACHE_SETUP),
    "nginx": Layer(
        built_on="repository", packages=("nginx-light",), bare=("/usr/sbin/nginx", "/etc/nginx/mime.types"),
        files={**BUSYBOX_FILES, "/etc/nginx/nginx.conf": (0o644, NGINX_CONF),
               "/etc/nginx/conf.d/default.conf": (0o644, NGINX_DEFAULT),
               "/docker-entrypoint.sh": (0o755, EXEC_ENTRYPOINT)},
        after=NGINX_SETUP),
    # Its own shell runs applets without a look at PATH.
    "busybox": Layer(built_on="repository", bare=("/usr/bin/dash",), files=BUSYBOX_FILES,
                     after="ln -sfT /usr/bin/dash /bin/sh"),
}

IMAGES = (
    Image(("debian:bookworm-slim",), "repository", config={"Cmd": ["bash"]}),
    Image(("node:18-bookworm-slim", "node:18-bookworm"), "node", env=("NODE_VERSION=18.20.4",),
          config={"Entrypoint": ["docker-entrypoint.sh"], "Cmd": ["node"]}),
    Image(("python:3.11-slim-bookworm", "python:3.11-bookworm"), "python",
          env=("LANG=C.UTF-8", "PYTHON_VERSION=3.11.2"), config={"Cmd": ["python3"]}),
    Image(("golang:1.19-bookworm",), "golang", path="/go/bin:/usr/local/go/bin",
          env=("GOLANG_VERSION=1.19.8", "GOPATH=/go", f"GOPROXY={REGISTRY}/go", "GONOSUMDB=*", "GOSUMDB=off"),
          config={"WorkingDir": "/go", "Cmd": ["bash"]}),
    Image(("rust:1-bookworm",), "rust", path="/usr/local/cargo/bin",
          env=("RUSTUP_HOME=/usr/local/rustup", "CARGO_HOME=/usr/local/cargo", "RUST_VERSION=1.63.0"),
          config={"Cmd": ["bash"]}),
    Image(("maven:3.9-eclipse-temurin-17",), "maven", path=f"{JAVA_HOME}/bin",
          env=(f"JAVA_HOME={JAVA_HOME}", "MAVEN_HOME=/usr/share/maven", "MAVEN_CONFIG=/root/.m2"),
          config={"Entrypoint": ["/usr/local/bin/mvn-entrypoint.sh"], "Cmd": ["mvn"]}),
    Image(("eclipse-temurin:17-jre",), "jre", path=f"{JAVA_HOME}/bin",
          env=(f"JAVA_HOME={JAVA_HOME}", "LANG=en_US.UTF-8", "LANGUAGE=en_US:en", "LC_ALL=en_US.UTF-8"),
          config={"Entrypoint": ["/__cacert_entrypoint.sh"], "Cmd": ["bash"]}),
    Image(("ruby:3.1-slim-bookworm", "ruby:3.1-bookworm"), "ruby", path="/usr/local/bundle/bin",
          env=("LANG=C.UTF-8", "RUBY_VERSION=3.1.2", "GEM_HOME=/usr/local/bundle",
               "BUNDLE_SILENCE_ROOT_WARNING=1", "BUNDLE_APP_CONFIG=/usr/local/bundle"),
          config={"Cmd": ["irb"]}),
    Image(("composer:2",), "composer", config={"Entrypoint": ["docker-php-entrypoint"], "Cmd": ["composer"]}),
    Image(("php:8.2-cli-bookworm",), "php-cli", env=("PHP_VERSION=8.2", "PHP_INI_DIR=/usr/local/etc/php"),
          config={"Entrypoint": ["docker-php-entrypoint"], "Cmd": ["php", "-a"]}),
    Image(("php:8.2-apache-bookworm",), "php-apache",
          env=("PHP_VERSION=8.2", "PHP_INI_DIR=/usr/local/etc/php", "APACHE_CONFDIR=/etc/apache2",
               "APACHE_ENVVARS=/etc/apache2/envvars"),
          config={"Entrypoint": ["docker-php-entrypoint"], "Cmd": ["apache2-foreground"],
                  "StopSignal": "SIGWINCH", "WorkingDir": "/var/www/html", "ExposedPorts": {"80/tcp": {}}}),
    Image(("busybox:1.36-musl",), "busybox", config={"Cmd": ["sh"]}),
    Image(("nginx:1.28-alpine-slim",), "nginx", env=("NGINX_VERSION=1.28.0",),
          config={"Entrypoint": ["/docker-entrypoint.sh"], "Cmd": ["nginx", "-g", "daemon off;"],
                  "StopSignal": "SIGQUIT", "ExposedPorts": {"80/tcp": {}}}),
)
