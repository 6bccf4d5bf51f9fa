defmodule Ingest.MixProject do
  use Mix.Project

  def project do
    [
      app: :ingest,
      version: "0.1.0",
      elixir: "~> 1.14",
      start_permanent: Mix.env() == :prod,
      deps: deps()
    ]
  end

  def application do
    [mod: {Ingest.Application, []}, extra_applications: [:logger]]
  end

  defp deps do
    [
      {:broadway_kafka, "~> 0.4"},
      {:jason, "~> 1.4"}
    ]
  end
end
