import './no-form-data.ts';
import httpAdapter from 'axios/lib/adapters/http.js';

/** A bundle of its own, for HTTP/1.1 alone: `dist/axios.js`. */
export { httpAdapter };
