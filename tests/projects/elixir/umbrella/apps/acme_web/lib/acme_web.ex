defmodule AcmeWeb do
end
