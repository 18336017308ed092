// The worker of a page that shows exact quantities: it takes these orders too. Who shows none does not wait for
// their code.

import { exactPiece, isExact } from "./exact_orders.js";
import { add } from "./worker.js";

add({ knows: isExact, begin: exactPiece });
