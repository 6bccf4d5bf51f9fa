export default function Page() {
  return <p>Leeks</p>;
}
