defmodule Forum.MixProject do
  use Mix.Project

  def project do
    [
      app: :forum,
      version: "0.1.0",
      elixir: "~> 1.11",
      start_permanent: Mix.env() == :prod,
      deps: deps()
    ]
  end

  def application do
    [mod: {Forum.Application, []}, extra_applications: [:logger]]
  end

  defp deps do
    [
      {:phoenix, "~> 1.5.8"},
      {:plug_cowboy, "~> 2.0"}
    ]
  end
end
