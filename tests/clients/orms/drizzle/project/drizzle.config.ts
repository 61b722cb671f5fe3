export default { dialect: 'postgresql', schema: './schema.mjs', out: './drizzle', dbCredentials: { url: process.env.DATABASE_URL } };
