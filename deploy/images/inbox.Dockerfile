# A mail server that delivers to nobody and shows what it got. For demos and development only.
FROM node:22-slim AS build
WORKDIR /app
COPY deploy/inbox/package.json deploy/inbox/package-lock.json ./
RUN --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca; fi; \
    npm ci --no-audit --no-fund --ignore-scripts --loglevel=error

FROM node:22-slim
WORKDIR /app
RUN mkdir /mails && chown 10001 /mails
COPY --from=build /app /app
USER 10001
EXPOSE 1025 1080
HEALTHCHECK --interval=10s --timeout=8s --start-period=20s --retries=3 \
    CMD ["node", "-e", "fetch('http://127.0.0.1:1080/api/healthz').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "node_modules/maildev/dist/bin/maildev.js", "--mail-directory", "/mails"]
