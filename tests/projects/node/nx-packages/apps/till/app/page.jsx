export default () => <p>Till</p>;
