"use strict";

// Models show their fields at once; nothing is sent to the validator on the internet.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger",
  defaultModelRendering: "model",
  validatorUrl: null,
});
