export default {
  head: { title: 'Gallery' },
  server: {
    port: 8095,
  },
};
