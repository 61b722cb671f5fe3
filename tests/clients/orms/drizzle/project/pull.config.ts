export default { dialect: 'postgresql', out: './pulled', dbCredentials: { url: process.env.DATABASE_URL } };
