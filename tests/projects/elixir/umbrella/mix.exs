defmodule Acme.MixProject do
  use Mix.Project

  def project do
    [
      apps_path: "apps",
      version: "0.1.0",
      releases: [acme: [applications: [acme: :permanent, acme_web: :permanent]]],
      deps: deps()
    ]
  end

  defp deps do
    []
  end
end
