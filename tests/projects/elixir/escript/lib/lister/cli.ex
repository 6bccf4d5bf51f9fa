defmodule Lister.CLI do
  def main(_), do: :ok
end
