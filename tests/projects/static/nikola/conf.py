BLOG_TITLE = "Lighthouse"
SITE_URL = "https://lighthouse.example/"
