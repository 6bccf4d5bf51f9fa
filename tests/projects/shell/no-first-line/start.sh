names=(ash birch)
for name in "${names[@]}"; do
  echo "$name"
done
