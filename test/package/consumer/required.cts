// CommonJS takes the package by require(): the same types.
import moirai = require('moirai');
import worker = require('moirai/worker');

export const closed: moirai.ErrorCode = new moirai.MoiraiError('ERR_MOIRAI_CLOSED', 'closed').code;
export const index: number = worker.workerIndex;
