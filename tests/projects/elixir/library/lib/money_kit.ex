defmodule MoneyKit do
end
