defmodule Lister.MixProject do
  use Mix.Project

  def project do
    [
      app: :lister,
      version: "0.1.0",
      elixir: "~> 1.15",
      start_permanent: Mix.env() == :prod,
      escript: [main_module: Lister.CLI],
      deps: deps()
    ]
  end

  def application do
    [extra_applications: [:logger]]
  end

  defp deps do
    [
      {:optimus, "~> 0.2"}
    ]
  end
end
