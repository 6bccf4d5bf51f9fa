#include "sandbox/container/services/signatures.h"

#include <set>

#include <catch2/catch.hpp>

#include "sandbox/container/services/signature_file.h"

namespace casemate::container::test {
namespace {

const SignatureTable& Table() {
  static const SignatureTable kTable = *SignatureTable::WithBuiltIn();
  return kTable;
}

struct Case {
  std::string kind;  // "": none
  std::vector<std::string> arguments;
  std::string name = {};  // of the process; empty: the base name of its program
};

CommandLine Read(const Case& one) {
  Process process;
  process.arguments = one.arguments;
  const std::string& program = one.arguments.empty() ? one.name : one.arguments.front();
  process.name = one.name.empty() ? program.substr(program.rfind('/') + 1).substr(0, 15) : one.name;
  return ReadCommandLine(process);
}

std::string KindOf(const Case& one) {
  const auto match = Table().Match(Read(one));
  return match ? match->signature->kind : "";
}

void CheckAll(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    INFO("expected " << one.kind << " for " << (one.arguments.empty() ? "" : one.arguments.front())
                     << " … " << (one.arguments.empty() ? one.name : one.arguments.back()));
    CHECK(KindOf(one) == one.kind);
  }
}

// Command lines as the official images and distributions start them.
TEST_CASE("Services are known by how they are started", "[signatures]") {
  const std::string elastic = "org.elasticsearch.server/org.elasticsearch.bootstrap.Elasticsearch";
  const std::vector<Case> cases = {
      {"nginx", {"nginx: master process nginx -g daemon off;"}, "nginx"},
      {"nginx", {"nginx: worker process"}, "nginx"},
      {"nginx", {"/usr/sbin/nginx", "-c", "/etc/nginx/nginx.conf"}},
      {"apache", {"httpd", "-DFOREGROUND"}},
      {"apache", {"/usr/sbin/apache2", "-k", "start"}},
      {"busybox-httpd", {"httpd", "-f", "-p", "80", "-h", "/www"}},
      {"python-http", {"python3", "-m", "http.server", "8000"}},
      {"caddy", {"caddy", "run", "--config", "/etc/caddy/Caddyfile"}},
      {"haproxy", {"haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"}},
      {"traefik", {"traefik", "--providers.docker"}},
      {"envoy", {"envoy", "-c", "/etc/envoy/envoy.yaml"}},
      {"lighttpd", {"lighttpd", "-D", "-f", "/etc/lighttpd/lighttpd.conf"}},
      {"varnish", {"varnishd", "-F", "-f", "/etc/varnish/default.vcl"}},
      {"squid", {"/usr/sbin/squid", "-NYC"}},
      {"next", {"next-server (v14.2.3)"}, "next-server (v1"},
      {"next", {"node", "/app/node_modules/.bin/next", "start"}},
      {"nuxt", {"node", ".output/server/index.mjs"}},
      {"express", {"node", "./bin/www"}},
      {"vite", {"node", "/app/node_modules/.bin/vite", "--host"}},
      {"kibana", {"/usr/share/kibana/bin/../node/bin/node", "/usr/share/kibana/src/cli/dist"}},
      {"gunicorn", {"/usr/local/bin/python3.11", "/usr/local/bin/gunicorn", "app:app"}, "gunicorn"},
      {"gunicorn", {"gunicorn: master [app:app]"}},
      {"gunicorn", {"python", "-W", "ignore", "-m", "gunicorn", "app:app"}},
      {"uvicorn", {"/usr/bin/python3", "-m", "uvicorn", "main:app"}},
      {"fastapi", {"/usr/local/bin/python3.12", "/usr/local/bin/fastapi", "run", "main.py"}},
      {"hypercorn", {"python3", "/usr/local/bin/hypercorn", "main:app"}},
      {"daphne", {"python3", "/usr/local/bin/daphne", "site.asgi:application"}},
      {"waitress", {"python3", "/usr/local/bin/waitress-serve", "app:app"}},
      {"uwsgi", {"uwsgi", "--ini", "app.ini"}},
      {"django", {"python", "manage.py", "runserver", "0.0.0.0:8000"}},
      {"flask", {"/usr/bin/python3", "/usr/local/bin/flask", "--app", "x", "run"}},
      {"streamlit", {"/usr/bin/python3", "/usr/local/bin/streamlit", "run", "app.py"}},
      {"jupyter", {"/usr/bin/python3", "/usr/local/bin/jupyter-lab", "--ip=0.0.0.0"}},
      {"celery", {"/usr/bin/python3", "/usr/local/bin/celery", "-A", "app", "worker"}},
      {"php-fpm", {"php-fpm: master process (/usr/local/etc/php-fpm.conf)"}},
      {"php-fpm", {"php-fpm8.2: pool www"}},
      {"laravel", {"php", "artisan", "serve", "--host=0.0.0.0"}},
      {"php-server", {"php", "-S", "0.0.0.0:8000", "-t", "public"}},
      {"puma", {"puma 6.4.2 (tcp://0.0.0.0:3000) [app]"}, "ruby"},
      {"unicorn", {"ruby", "/usr/local/bundle/bin/unicorn", "-c", "config/unicorn.rb"}},
      {"rails", {"ruby", "bin/rails", "server", "-b", "0.0.0.0"}},
      {"sidekiq", {"sidekiq 7.2.0 app [0 of 5 busy]"}},
      {"cassandra",
       {"java", "-Xms1G", "-cp", "a.jar:b.jar", "org.apache.cassandra.service.CassandraDaemon"}},
      {"elasticsearch",
       {"java", "-Xmx1g", "--module-path", "/lib", "--add-modules=jdk.net", "-m", elastic}},
      {"opensearch", {"java", "-cp", "/lib/*", "org.opensearch.bootstrap.OpenSearch"}},
      {"neo4j", {"java", "-cp", "/plugins/*", "org.neo4j.server.Neo4jCommunity"}},
      {"solr", {"java", "-server", "-Dsolr.log.dir=/var/solr", "-jar", "start.jar"}},
      {"kafka", {"java", "-Xmx1G", "-cp", "/opt/kafka/libs/*", "kafka.Kafka", "server.properties"}},
      {"activemq", {"java", "-Xms64M", "-jar", "/opt/activemq/bin/activemq.jar", "start"}},
      {"pulsar", {"java", "-cp", "x", "org.apache.pulsar.PulsarStandaloneStarter"}},
      {"zookeeper",
       {"java", "-cp", "x", "org.apache.zookeeper.server.quorum.QuorumPeerMain", "zoo.cfg"}},
      {"keycloak", {"java", "-Dkc.home.dir=/opt/keycloak", "-cp", "x", "io.quarkus.Entry"}},
      {"jenkins", {"java", "-Duser.home=/var", "-jar", "/usr/share/jenkins/jenkins.war"}},
      {"tomcat", {"java", "-classpath", "x.jar", "org.apache.catalina.startup.Bootstrap", "start"}},
      {"wildfly", {"java", "-Xms64m", "-jar", "/opt/wildfly/jboss-modules.jar", "-mp", "x"}},
      {"jetty", {"java", "-jar", "/usr/local/jetty/start.jar"}},
      {"spring", {"java", "org.springframework.boot.loader.launch.JarLauncher"}},
      {"spring", {"java", "-jar", "app.jar", "--spring.profiles.active=prod"}},
      {"rabbitmq", {"/usr/lib/erlang/erts/bin/beam.smp", "-W", "w", "-s", "rabbit", "boot"}},
      {"couchdb", {"/opt/couchdb/erts/bin/beam.smp", "-boot", "/opt/couchdb/releases/couchdb"}},
      {"emqx", {"/opt/emqx/erts/bin/beam.smp", "-root", "/opt/emqx", "-s", "emqx"}},
      {"phoenix", {"/usr/lib/erlang/bin/beam.smp", "-extra", "/usr/bin/mix", "phx.server"}},
      {"epmd", {"/usr/lib/erlang/bin/epmd", "-daemon"}},
      {"postgres", {"postgres"}},
      {"postgres", {"postgres: checkpointer"}, "postgres"},
      {"postgres", {"/usr/lib/postgresql/15/bin/postgres", "-D", "/var/lib/postgresql/data"}},
      {"pgbouncer", {"/usr/bin/pgbouncer", "/etc/pgbouncer/pgbouncer.ini"}},
      {"mariadb", {"mariadbd"}},
      {"mysql", {"/usr/sbin/mysqld", "--user=mysql"}},
      {"mongodb", {"mongod", "--bind_ip_all"}},
      {"cockroach", {"/cockroach/cockroach", "start-single-node", "--insecure"}},
      {"clickhouse", {"/usr/bin/clickhouse-server", "--config-file=/etc/x.xml"}},
      {"clickhouse", {"clickhouse", "server"}},
      {"scylla", {"/usr/bin/scylla", "--smp", "1"}},
      {"influxdb", {"influxd"}},
      {"sqlserver", {"/opt/mssql/bin/sqlservr"}},
      {"oracle", {"/opt/oracle/bin/tnslsnr", "LISTENER"}},
      {"redis", {"redis-server *:6379"}, "redis-server"},
      {"redis-sentinel", {"redis-sentinel *:26379 [sentinel]"}},
      {"valkey", {"valkey-server *:6379"}},
      {"keydb", {"keydb-server *:6379"}},
      {"dragonfly", {"dragonfly", "--logtostderr"}},
      {"memcached", {"memcached", "-m", "64"}},
      {"nats", {"/nats-server", "--config", "nats-server.conf"}},
      {"mosquitto", {"/usr/sbin/mosquitto", "-c", "/mosquitto/config/mosquitto.conf"}},
      {"redpanda", {"/opt/redpanda/bin/redpanda", "redpanda", "start"}},
      {"nsq", {"/nsqd"}},
      {"beanstalkd", {"/usr/bin/beanstalkd", "-p", "11300"}},
      {"minio", {"minio", "server", "/data"}},
      {"consul", {"consul", "agent", "-dev"}},
      {"vault", {"vault", "server", "-dev"}},
      {"nomad", {"nomad", "agent", "-dev"}},
      {"etcd", {"/usr/local/bin/etcd", "--data-dir", "/data"}},
      {"prometheus", {"/bin/prometheus", "--config.file=/etc/prometheus/prometheus.yml"}},
      {"alertmanager", {"/bin/alertmanager", "--storage.path=/alertmanager"}},
      {"exporter", {"/bin/node_exporter"}},
      {"grafana", {"grafana", "server", "--homepath=/usr/share/grafana"}},
      {"grafana", {"grafana-server", "--homepath=/usr/share/grafana"}},
      {"loki", {"/usr/bin/loki", "-config.file=/etc/loki/local-config.yaml"}},
      {"jaeger", {"/go/bin/jaeger-all-in-one"}},
      {"opentelemetry", {"/otelcol-contrib", "--config", "/etc/otel.yaml"}},
      {"registry", {"registry", "serve", "/etc/docker/registry/config.yml"}},
      {"gitea", {"/app/gitea/gitea", "web"}},
      {"docker", {"dockerd", "--host=tcp://0.0.0.0:2375"}},
      {"ssh", {"sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"}},
      {"ssh", {"/usr/sbin/sshd", "-D"}},
      {"cron", {"/usr/sbin/cron", "-f"}},
      {"cron", {"crond", "-f"}},
      {"dns", {"/usr/sbin/named", "-g"}},
      {"postfix", {"/usr/lib/postfix/sbin/master", "-w"}},
      {"dovecot", {"/usr/sbin/dovecot", "-F"}},
      {"ftp", {"/usr/sbin/vsftpd"}},
      {"node", {"node", "server.js"}},
      {"node", {"/usr/local/bin/node", "server.js"}, "MainThread"},
      {"python", {"python3", "-u", "app.py"}},
      {"java", {"/opt/java/openjdk/bin/java", "-jar", "app.jar"}},
      {"ruby", {"ruby", "app.rb"}},
      {"php", {"php", "worker.php"}},
      {"dotnet", {"dotnet", "App.dll"}},
      {"deno", {"deno", "run", "--allow-net", "main.ts"}},
      {"bun", {"bun", "run", "index.ts"}},
      {"beam", {"/app/erts-14/bin/beam.smp", "--", "-root", "/app"}},
      {"go", {"/tmp/go-build123/b001/exe/main"}},
  };
  CheckAll(cases);
  // Every kind of the table has its case: one that is added without is found here.
  std::set<std::string> tried;
  for (const Case& one : cases) {
    tried.insert(one.kind);
  }
  for (const Signature& signature : Table().all()) {
    INFO(signature.kind);
    CHECK(tried.contains(signature.kind));
  }
  CHECK(tried.size() >= 30);
}

TEST_CASE("What only mentions a service is not it", "[signatures]") {
  CheckAll({
      {"", {"psql", "-h", "postgres", "-U", "postgres"}},
      {"", {"pg_isready"}},
      {"", {"redis-cli", "-h", "redis-server"}},
      {"", {"redis-benchmark"}},
      {"", {"vi", "/etc/nginx/nginx.conf"}},
      {"", {"sh", "-c", "nginx -g 'daemon off;'"}},
      {"", {"tail", "-f", "/var/log/nginx/access.log"}},
      {"", {"grep", "postgres"}},
      {"", {"nginx", "-t"}},
      {"", {"nginx", "-s", "reload"}},
      {"", {"mysql", "-u", "root"}},
      {"", {"mysqld", "--initialize-insecure"}},
      {"", {"mysqldump", "db"}},
      {"", {"mongosh", "mongodb://mongod"}},
      {"", {"consul", "kv", "get", "server"}},
      {"", {"vault", "kv", "get", "agent"}},
      {"", {"minio", "--version"}},
      {"", {"etcdctl", "get", "x"}},
      {"", {"cockroach", "sql"}},
      {"", {"clickhouse-client"}},
      {"", {"clickhouse", "client"}},
      {"", {"nats", "pub", "x"}},
      {"", {"caddy", "fmt"}},
      {"", {"ssh", "host", "sshd"}},
      {"", {"sshd: root@pts/0"}, "sshd"},
      {"", {"sshd: root [priv]"}, "sshd"},
      {"", {"docker", "ps"}},
      {"", {"./nginx_copy"}},
      {"", {"my-redis-server-wrapper"}},
      {"", {"promtool", "check"}},
      {"", {}, "kworker/0:1"},
      {"", {}, ""},
      // Runtimes which carry the word of a service in an argument are what they are.
      {"python", {"python", "-c", "import gunicorn"}},
      {"python", {"python", "backup.py", "gunicorn", "uvicorn", "run"}},
      {"python", {"python", "manage.py", "migrate"}},
      {"python", {"python", "/srv/flask_client.py", "run"}},
      {"node", {"node", "redis-server.js"}},
      {"node", {"node", "-r", "next", "server.js"}},
      {"node", {"node", "/app/node_modules/.bin/vite", "build"}},
      {"java", {"java", "-cp", "x", "kafka.admin.TopicCommand"}},
      {"java", {"java", "-cp", "kafka.Kafka", "com.example.Main"}},
      {"java", {"java", "-cp", "x", "org.apache.catalina.startup.Bootstrap", "stop"}},
      {"php", {"php", "artisan", "migrate"}},
      {"ruby", {"ruby", "bin/rails", "console"}},
  });
}

TEST_CASE("A name alone counts less than a command line", "[signatures]") {
  const auto both = Table().Match(Read({"", {"/usr/sbin/nginx"}, "nginx"}));
  const auto command = Table().Match(Read({"", {"/usr/sbin/nginx"}, "x"}));
  const auto name = Table().Match(Read({"", {"/opt/program"}, "nginx"}));
  REQUIRE((both && command && name));
  CHECK(both->confidence > command->confidence);
  CHECK(command->confidence > name->confidence);
  CHECK(both->confidence < 1);
  CHECK_FALSE(name->evidence.empty());
  // The kernel keeps 15 bytes of a name.
  CHECK(KindOf({"", {}, "clickhouse-serv"}) == "clickhouse");
  CHECK(KindOf({"", {}, "clickhouse-ser"}).empty());
}

TEST_CASE("The image's reference suggests a kind", "[signatures]") {
  const auto kind = [](std::string_view reference) {
    const Signature* signature = Table().ByImage(reference);
    return signature == nullptr ? "" : signature->kind;
  };
  CHECK(kind("docker.io/library/postgres:16@sha256:00") == "postgres");
  CHECK(kind("localhost:5000/redis") == "redis");
  CHECK(kind("postgres") == "postgres");
  CHECK(kind("example.org/postgres/backup:1") == "");
  CHECK(kind("my-postgres-client") == "");
  CHECK(kind("sha256:0123") == "");
  CHECK(kind("") == "");
}

TEST_CASE("Globs match and take no time to fail", "[signatures]") {
  CHECK(MatchesGlob("a*c", "abbbc"));
  CHECK(MatchesGlob("*", ""));
  CHECK(MatchesGlob("a", "a"));
  CHECK(MatchesGlob("*a*b*", "xxaxxbxx"));
  CHECK_FALSE(MatchesGlob("a*c", "abbbd"));
  CHECK_FALSE(MatchesGlob("", "a"));
  CHECK_FALSE(MatchesGlob("a", "ab"));
  std::string glob;
  for (int i = 0; i < 50; ++i) {
    glob += "*a";
  }
  CHECK_FALSE(MatchesGlob(glob + "b", std::string(4000, 'a')));
}

std::string ProblemOf(std::string_view text) {
  const auto parsed = ParseSignatures(text, "mine.yaml");
  return parsed ? "" : Describe(parsed.error());
}

constexpr std::string_view kMine =
    "version: 1\n"
    "services:\n"
    "  - kind: nginx\n"
    "    name: Our proxy\n"
    "    category: web\n"
    "    programs: [our-proxy, '/opt/proxy/*']\n"
    "    titles: ['our proxy: *']\n"
    "    ports: [8081]\n"
    "    runtime: true\n";

TEST_CASE("A file of the user comes first and replaces kinds", "[signatures]") {
  auto mine = ParseSignatures(kMine, "mine.yaml");
  REQUIRE(mine);
  const auto table = SignatureTable::WithBuiltIn(*std::move(mine));
  REQUIRE(table);
  const auto kind = [&](const Case& one) {
    const auto match = table->Match(Read(one));
    return match ? match->signature->name : "";
  };
  CHECK(kind({"", {"/usr/bin/our-proxy"}}) == "Our proxy");
  CHECK(kind({"", {"/opt/proxy/bin"}}) == "Our proxy");
  CHECK(kind({"", {"our proxy: worker"}}) == "Our proxy");
  CHECK(kind({"", {"/usr/sbin/nginx"}}) == "");
  CHECK(kind({"", {"redis-server *:6379"}}) == "Redis");
  CHECK(table->ByPort(8081).size() == 1);
  CHECK(table->all().front().runtime);
}

TEST_CASE("Errors of a user's file name the place and what was expected", "[signatures]") {
  CHECK(ProblemOf(kMine).empty());
  const auto with = [](std::string_view line) {
    return ProblemOf("version: 1\nservices:\n  - kind: a\n    name: A\n    programs: [a]\n" +
                     std::string(line));
  };
  CHECK(with("").empty());
  CHECK_THAT(with("    ports: [0]\n"), Catch::Contains("mine.yaml:6:13: expected a port"));
  CHECK_THAT(with("    ports: [70000]\n"), Catch::Contains("70000"));
  CHECK_THAT(with("    ports: [http]\n"), Catch::Contains("mine.yaml:6"));
  CHECK_THAT(with("    ports: 80\n"), Catch::Contains("to be a list"));
  CHECK_THAT(with("    unless: []\n"), Catch::Contains("1 to 64"));
  CHECK_THAT(with("    scripts: ['*']\n"), Catch::Contains("every process"));
  CHECK_THAT(with("    scripts: ['']\n"), Catch::Contains("got 0"));
  CHECK_THAT(with("    scripts: ['" + std::string(201, 'a') + "']\n"), Catch::Contains("got 201"));
  CHECK_THAT(with("    scripts: [[a]]\n"), Catch::Contains("mine.yaml:6"));
  CHECK_THAT(with("    category: datbase\n"), Catch::Contains("did you mean `database`"));
  CHECK_THAT(with("    script: [a]\n"), Catch::Contains("script"));
  CHECK_THAT(with("    runtime: yes\n"), Catch::Contains("mine.yaml:6"));
  CHECK_THAT(ProblemOf("version: 2\nservices: []\n"), Catch::Contains("expected version 1"));
  CHECK_THAT(ProblemOf("version: x\nservices: []\n"), Catch::Contains("mine.yaml:1"));
  CHECK_THAT(ProblemOf("services: []\n"), Catch::Contains("`version: 1`"));
  CHECK_THAT(ProblemOf("[]\n"), Catch::Contains("`version: 1`"));
  CHECK_THAT(ProblemOf("version: 1\nservices: 1\n"), Catch::Contains("list"));
  CHECK_THAT(ProblemOf("version: 1\nservices: [a]\n"), Catch::Contains("a map"));
  CHECK_THAT(ProblemOf("version: 1\nservices: []\nother: 1\n"), Catch::Contains("other"));
  CHECK_THAT(ProblemOf("version: 1\nservices: [{kind: a, programs: [a]}]\n"),
             Catch::Contains("`kind` and `name`"));
  CHECK_THAT(ProblemOf("version: 1\nservices: [{kind: A b, name: A, programs: [a]}]\n"),
             Catch::Contains("lower-case"));
  CHECK_THAT(ProblemOf("version: 1\nservices: [{kind: unknown, name: A, programs: [a]}]\n"),
             Catch::Contains("not `unknown`"));
  CHECK_THAT(ProblemOf("version: 1\nservices: [{kind: a, name: A, ports: [80], images: [a]}]\n"),
             Catch::Contains("alone does not tell"));
  CHECK_THAT(Describe(LoadSignatures("/nonexistent.yaml").error()),
             Catch::Contains("/nonexistent.yaml"));
}

}  // namespace
}  // namespace casemate::container::test
