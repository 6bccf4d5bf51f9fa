defmodule Ingest do
  @brokers System.get_env("KAFKA_BROKERS", "localhost:9092")
end
